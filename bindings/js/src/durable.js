/** Whether both files of a run are synced: by default, the heartbeat is not. */
export function isDurable({ manifestDurability = 'durable', heartbeatDurability = 'visible' }) {
    return manifestDurability === 'durable' && heartbeatDurability === 'durable';
}
