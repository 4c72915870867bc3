/** Header names of checkpoints: read with a message, written on its copies. */

/** The state of the last checkpoint, as JSON. */
export const checkpointHeader = 'celeriac-checkpoint';
/** How many there were. */
export const checkpointsHeader = 'celeriac-checkpoints';
