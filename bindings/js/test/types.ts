// Compiled, never run: what the types allow, and what they refuse.

import { Run, Tandem, TandemError, type Recorded, type Stats } from 'tandem-persistence';

export async function allowed(): Promise<void> {
    const tandem: Tandem = await Tandem.create({ dir: new URL('file:///state') });
    const run: Run = await tandem.open({ taskId: 't', runId: 'r', intervalMs: 5n });
    const document: string | undefined = run.recovery.document;
    await run.set(document ?? { n: 1 });
    await run.merge({ n: null });
    const receipt = await run.schedule({ manifest: true, force: true });
    const reached: 'visible' | 'data-synced' | 'durable' | undefined = receipt.manifest?.reached;
    const stats: Stats = await run.stats();
    const recorded: Recorded = await tandem.recordRun({ reached }, { taskId: 't', keepLast: 3 });
    const { runs } = await tandem.history({ taskId: 't', limit: recorded.runs });
    console.log(stats.lastError?.beside?.code, runs[0]?.length);
    try {
        await run.flush();
    } catch (error) {
        if (error instanceof TandemError && error.kind === 'locked') {
            console.log(error.channel, error.retryable, error.beside?.path);
        }
    }
    await using other = await tandem.open({ taskId: 't', runId: 's' });
    other.drop();
}

export async function refused(tandem: Tandem, run: Run): Promise<void> {
    // @ts-expect-error the run is missing
    await tandem.open({ taskId: 't' });
    // @ts-expect-error there is no such option
    await tandem.open({ taskId: 't', runId: 'r', interval: 5 });
    // @ts-expect-error there is no such durability
    await tandem.open({ taskId: 't', runId: 'r', manifestDurability: 'fast' });
    // @ts-expect-error a document is no number
    await run.set(7);
    // @ts-expect-error a flag is a boolean
    await run.schedule({ force: 1 });
    // @ts-expect-error runs are opened by Tandem
    new Run();
    // @ts-expect-error the recovery is read only
    run.recovery = null;
}
