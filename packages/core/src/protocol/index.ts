/** What other packages use of the wire formats: Celery's messages, CloudEvents, and the headers of our own. */
export { decodeTask, encodeTask } from './celery-v2.js';
export { decodeEvent, encodeEvent } from './cloud-event.js';
export { eventPatterns, eventTemplates, eventType, parseEventType } from './event-type.js';
export type { EventSpellings, EventWanted } from './event-type.js';
export { Malformed } from './received.js';
export type { Decoded, EncodedMessage, Received } from './received.js';
export { parseJson, stringifyJson } from './json.js';
export {
  decodeControlReply,
  decodeControlRequest,
  encodeControlReply,
  encodeControlRequest,
} from './pidbox.js';
export type { ControlReply, ControlRequest, ReplyAddress } from './pidbox.js';
export {
  decodeMonitoringEvents,
  encodeMonitoringEvent,
  encodeTaskEvents,
  failureFields,
  monitoringEvent,
  receivedFields,
} from './monitoring-events.js';
export type { EventFields, EventSource, MonitoringEvent } from './monitoring-events.js';
export { argsRepr, hiddenArgs, hiddenKwargs, kwargsRepr, valueRepr } from './python-repr.js';
export {
  againHeaders,
  cameBy,
  copyAsItCame,
  copyDeferred,
  copyPostponed,
  copyRecounted,
  deferralCount,
  eventForRetry,
  eventRetries,
  taskAtCheckpoint,
  taskCrashes,
  taskForRetry,
} from './again.js';
export { type FollowedTask, followedTask } from './followed-task.js';
export { decodeResult, encodeResult, isReady, resultTarget, resultTargetOf } from './result.js';
export type { NewResult, ResultRecord, ResultTarget, TaskChild, TaskState } from './result.js';
export type { RemoteException } from './exception.js';
export { canvasKind, chordParts, membersOf, readSignature, readSignatures } from './canvas.js';
export type { WireOptions, WireSignature } from './canvas.js';
export type {
  CopyAtCheckpoint,
  CopyAtCheckpointInQueue,
  CopyForRetry,
  CopyInQueue,
  NextAttempt,
  NextRun,
  ReceivedBy,
  ReceivedIn,
} from './again.js';
export { signatureHeaders } from './signature.js';
export type { SignedKind } from './signature.js';
export { chainOf, orderNumber, readPlan, sentIdempotency } from './key-headers.js';
export type { SendPlan, SentIdempotency, UniqueRule } from './key-headers.js';
export { decodeClaim, isClaimed, payloadHeader, withBody } from './claim.js';
export type { Claim as PayloadClaim, ClaimedTask, ClaimLimits } from './claim.js';
