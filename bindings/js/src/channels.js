/** The files of a run that a flush can write. */
export const CHANNELS = ['manifest', 'heartbeat'];
