// Compiled, never run: what the types allow, and what they refuse.

import { Run, Tandem, TandemError, type Receipt, type Recorded, type Stats } from 'tandem-persistence';

export async function allowed(): Promise<void> {
    const tandem: Tandem = await Tandem.create({ dir: new URL('file:///state') });
    const run: Run = await tandem.openRun({ taskId: 't', runId: 'r', manifestIntervalMs: 5n, heartbeatIntervalMs: 0 });
    const document: string | undefined = run.recovery.document;
    const { revision } = await run.set(document ?? { n: 1 });
    await run.mark({ manifest: true });
    await run.merge({ n: null });
    const receipt: Receipt = await run.schedule({ manifest: true, force: true });
    const reached: 'visible' | 'data-synced' | 'durable' | undefined = receipt.manifest?.reached;
    const stats: Stats = await run.stats();
    const recorded: Recorded = await tandem.recordRun({ reached }, { keepLast: 3 });
    const { runs } = await tandem.history({ taskId: 't', limit: recorded.runs });
    console.log(stats.lastError?.beside?.code, runs[0]?.length, revision === receipt.revision);
    try {
        await run.flush();
    } catch (error) {
        if (error instanceof TandemError && error.kind === 'locked') {
            console.log(error.channel, error.retryable, error.beside?.path, error.holder?.leaseMs);
        }
    }
    await using other = await tandem.openRun({ taskId: 't', runId: 's' });
    other.drop();
}

export async function refused(tandem: Tandem, run: Run): Promise<void> {
    // @ts-expect-error the run is missing
    await tandem.openRun({ taskId: 't' });
    // @ts-expect-error there is no such option
    await tandem.openRun({ taskId: 't', runId: 'r', intervalMs: 5 });
    // @ts-expect-error there is no such durability
    await tandem.openRun({ taskId: 't', runId: 'r', manifestDurability: 'fast' });
    // @ts-expect-error a number of runs is no bigint
    await tandem.recordRun({}, { keepLast: 5n });
    // @ts-expect-error a document is no number
    await run.set(7);
    // @ts-expect-error a flag is a boolean
    await run.schedule({ force: 1 });
    // @ts-expect-error runs are opened by Tandem
    new Run();
    // @ts-expect-error the recovery is read only
    run.recovery = null;
}
