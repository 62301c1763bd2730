// Compiled, never run: what the types allow, and what they refuse.

import {
    Run,
    Tandem,
    TandemError,
    type Receipt,
    type Recorded,
    type Recovery,
    type Stats,
    type TaskHistory,
} from 'tandem-persistence';

export async function allowed(): Promise<void> {
    await using tandem: Tandem = await Tandem.open('state', { maxDocumentBytes: 1 << 20 });
    await Tandem.create({ dir: new URL('file:///state') });
    const run: Run = await tandem.openRun({ taskId: 't', runId: 'r', manifestIntervalMs: 5n, heartbeatIntervalMs: 0 });
    const recovery: Recovery = run.recovery;
    const step: number = recovery.document?.['step'] ?? 0;
    const { revision } = await run.set(recovery.documentText ?? { n: step });
    await run.mark({ manifest: true });
    await run.mark();
    await run.merge({ n: null });
    const receipt: Receipt = await run.schedule({ manifest: true, force: true });
    await run.schedule();
    const more: number = (receipt.manifest?.bytes ?? 0) + 1;
    const reached: 'visible' | 'data-synced' | 'durable' | undefined = receipt.manifest?.reached;
    const stats: Stats = await run.stats();
    const isSaved: boolean = (stats.writtenRevision ?? 0) >= revision;
    const recorded: Recorded = await tandem.recordRun({ reached, more, isSaved }, { keepLast: 3 });
    const history: TaskHistory = await tandem.history({ taskId: 't', limit: recorded.runs });
    await tandem.recordRun({}, { keepLast: 5n, leaseMs: 5n });
    const { runs } = await tandem.history({ taskId: 't', limit: 1n, text: true });
    const text: string | undefined = await run.written({ text: true });
    console.log(stats.lastError?.beside?.code, runs[0]?.length, history.runs[0]?.['runId'], text?.length);
    console.log((await run.written())?.['n'], stats.manifest.bytes / stats.manifest.writes);
    try {
        await run.flush();
    } catch (error) {
        if (error instanceof TandemError && error.kind === 'locked') {
            const leaseMs: number | undefined = error.holder?.leaseMs;
            console.log(error.channel, error.retryable, error.beside?.path, leaseMs);
        }
    }
    await using other = await tandem.openRun({ taskId: 't', runId: 's' });
    other.drop();
    await tandem.close();
}

export async function refused(tandem: Tandem, run: Run): Promise<void> {
    // @ts-expect-error the run is missing
    await tandem.openRun({ taskId: 't' });
    // @ts-expect-error there is no such option
    await tandem.openRun({ taskId: 't', runId: 'r', intervalMs: 5 });
    // @ts-expect-error there is no such durability
    await tandem.openRun({ taskId: 't', runId: 'r', manifestDurability: 'fast' });
    // @ts-expect-error a document is no number
    await run.set(7);
    // @ts-expect-error a flag is a boolean
    await run.schedule({ force: 1 });
    // @ts-expect-error runs are opened by Tandem
    new Run();
    // @ts-expect-error a Tandem is made by its own calls
    new Tandem();
    // @ts-expect-error the recovery is read only
    run.recovery = null;
}
