/**
 * What the other packages and applications use of `@celeriac/core`: contracts, configuration, errors, connections
 * and wire formats, by name.
 */
export * from './amqp/index.js';
export * from './config/index.js';
export * from './policy/index.js';
export * from './protocol/index.js';

export { systemClock } from './clock.js';
export type { Clock, Timer } from './clock.js';
export { CeleriacError, errorCodes, errorText, isCeleriacError } from './errors.js';
export type { ErrorCode, ErrorDetail } from './errors.js';
export { createLogger, guarded, silentLogger, withFields } from './logger.js';
export { waitAtMost, withDeadline } from './deadline.js';
export { notifier } from './notify.js';
export type { Tell } from './notify.js';
export type { LogFields, Logger, LoggerOptions, LogLevel } from './logger.js';
export type {
  EventAction,
  EventMessage,
  OriginalValues,
  JsonValue,
  TaskCheckpoint,
  TaskEmbed,
  TaskMessage,
} from './message.js';
export type { MalformedReason, Outcome, SignatureProblem } from './outcome.js';
export type { DeadLetterReason, Verdict } from './verdict.js';
export type {
  ChannelLoss,
  Delivery,
  HeaderTable,
  MessageProperties,
  MessageSink,
  OutgoingMessage,
  PublishOptions,
  SentMessage,
  TransientMessage,
  TransientSink,
} from './ports.js';

export { MemoryKeyStore } from './key-store/memory.js';
export { keyStoreSource } from './key-store/open.js';
export type { KeyStoreParts } from './key-store/connect.js';
export type { KeyStoreSource } from './key-store/open.js';
export type {
  Claim,
  ClaimAsk,
  Entry,
  Holder,
  KeyStore,
  Release,
  SendKeyStore,
} from './key-store/key-store.js';

export { openLimitStore } from './limit-store/open.js';
export type { LimitStore, SeatAsk, TurnAsk } from './limit-store/limit-store.js';

export { defineTask } from './contract/task.js';
export { inputCandidates, inputHeader, type TaskCall, toCall } from './contract/call.js';
export type { TaskContract, TaskDefaults, TaskDefinition } from './contract/task.js';
export { loadValidator } from './contract/validator.js';
export type { Validated, Validator } from './contract/validator.js';
export { defineEvent } from './contract/event.js';
export type { EventContract, EventDefinition } from './contract/event.js';
export { defineEvents, eventsMatching } from './contract/event-family.js';
export type { EventFamily, EventFamilyDefinition, EventPattern } from './contract/event-family.js';
export type { JsonSchema, Schema, SchemaInput, SchemaOutput } from './contract/schema.js';

export {
  brokerAccess,
  connectionString,
  isOneBroker,
  openPublishing,
  openSession,
  publishingOver,
  producerName,
  serviceName,
} from './broker.js';
export type { BrokerAccess, BrokerOptions, Publishing, Section, SessionPurpose } from './broker.js';

export { prepareTask } from './prepare-task.js';
export type { TaskPreparationParts, WantedTask } from './prepare-task.js';
export { BrokerTaskSender, taskTopology } from './task-sender.js';
export type { SendManyOptions, TaskSender, TaskSenderParts } from './task-sender.js';
export { publishPrepared } from './prepared.js';
export type { PreparedEvent, PreparedMessage, PreparedSender, PreparedTask } from './prepared.js';
export type { Lineage, SendOptions } from './build-message.js';
export { BrokerEventSender, prepareEvent } from './event-sender.js';
export type {
  EventPreparationParts,
  EventSender,
  EventSenderParts,
  ObjectChange,
  PublishEventOptions,
  WantedEvent,
} from './event-sender.js';
export {
  applicationQueueName,
  Applications,
  applicationTopology,
  registryQueueName,
} from './applications.js';
export type { RegisteredApplication } from './applications.js';
export type { ApplicationAnswer, ApplicationReport, HandlersTold } from './application-report.js';
export { openApplications, type OpenedApplications } from './open-applications.js';
export type { ApplicationTold, OpenApplicationsOptions } from './open-applications.js';
export { cancelUntil, errorOf as controlErrorOf } from './control/cancel.js';
export type { CancelOptions, CancelReport, TaskCanceller } from './control/cancel.js';
export { cancelledQueueName, CancelledTasks } from './control/cancelled-tasks.js';
export type { CancelledTask } from './control/cancelled-tasks.js';
export type { Check, CheckState } from './diagnosis/check.js';
export type { Answer as ExplanationAnswer, Source, TaskPlace, Whereabouts } from './diagnosis/explanation.js';
export type { Explanation } from './diagnosis/explain.js';
export { explainTask } from './diagnosis/open-explain.js';
export type { ExplainOptions } from './diagnosis/open-explain.js';
export { diagnose } from './diagnosis/doctor.js';
export type { DiagnoseOptions } from './diagnosis/doctor.js';
export { openRemoteControl } from './control/open.js';
export type { OpenedRemoteControl, OpenRemoteControlOptions } from './control/open.js';
export { RemoteControl } from './control/remote-control.js';
export type { ControlAnswer } from './control/control-answer.js';
export type { ControlOptions } from './control/remote-control.js';
export { controlExchange, controlExchanges, controlReplyExchange, mailbox } from './control/topology.js';
export { ClusterState } from './monitoring/cluster-state.js';
export type { StateLimits, TaskSeen, TaskStage, WorkerSeen } from './monitoring/cluster-state.js';
export { openEventReceiver } from './monitoring/event-receiver.js';
export type { EventReceiver, EventReceiverOptions } from './monitoring/event-receiver.js';
export { openSentEvents } from './monitoring/sent-events.js';
export type { SentEvents, SentEventsParts } from './monitoring/sent-events.js';
export { eventQueue } from './monitoring/topology.js';
export { openResultStore, openResultWriter } from './results/open.js';
export type { ResultStoreOptions, ResultWriterOptions } from './results/open.js';
export type { Replies, ResultStore, ResultWriter } from './results/result-store.js';
export { RedisChords } from './results/redis-chords.js';
export { RedisConnection } from './redis/redis-connection.js';
export type { ChordSizes, ChordStore, EndedPart, Joined } from './results/chord-store.js';
export { chain, chord, chunks, group, map, starmap } from './canvas/compose.js';
export type { OutputOf } from './canvas/compose.js';
export { taskIds, unfolded } from './canvas/freeze.js';
export type { WorkflowNode } from './canvas/freeze.js';
export { bindTask, BoundTask, NamedTask } from './canvas/bound-task.js';
export { Signature, signature, signatureFrom } from './canvas/signature.js';
export type { AnySignature, Missing, SignatureOptions } from './canvas/signature.js';
export { noChords, SignatureSender } from './canvas/workflow-sender.js';
export type {
  SentWorkflow,
  WorkflowContext,
  WorkflowOptions,
  WorkflowSender,
  WorkflowSenderParts,
} from './canvas/workflow-sender.js';
export { isReplaced, Replaced, replacing } from './canvas/replace.js';
export { derivedIds } from './canvas/derived-id.js';
export { TaskError, taskError, valueOf } from './results/task-error.js';
export { withoutKeys } from './signing/key-ring.js';
export { ReplayMemory } from './signing/replay.js';
export type { ReplayStore } from './signing/replay.js';
export { signingCopies, signingSink } from './signing/signer.js';
export type { Signer } from './signing/signer.js';
export { loadSigning } from './signing/signing.js';
export type { SectionSigning, Signing } from './signing/signing.js';
export { replayed } from './signing/verifier.js';
export type { Verified, Verifier } from './signing/verifier.js';
export { Delays } from './delays.js';
export { Checkpoint, isCheckpoint } from './checkpoint.js';
export type { CheckpointOptions } from './checkpoint.js';
export { isReject, isRetry, Reject, Retry } from './retry.js';
export type { RejectOptions, RetryRequest } from './retry.js';
export { barest, deadLetter, deadLetterHeaders } from './dead-letter.js';
export { openQueues } from './queues/queues.js';
export type { QueuePurpose, QueueReport, Queues, QueuesOptions } from './queues/queues.js';
export { openTopology } from './topology/open.js';
export type { TopologyOptions } from './topology/open.js';
export type { BrokerTopology } from './topology/broker-topology.js';
export type { BindingPlan, TopologyAction, TopologyItem, TopologyPlan } from './topology/plan.js';
export type { ApplyOptions, ApplyReport, MoveProgress, MoveStep } from './topology/apply.js';
export type { NeededTopology, TopologyPurpose } from './topology/needed.js';
export { openDeadLetters } from './dead-letters/dead-letters.js';
export type {
  DeadLetters,
  DeadLettersOptions,
  ListOptions,
  PurgeOptions,
  PurgeReport,
  RequeueOptions,
} from './dead-letters/dead-letters.js';
export type { DeadLetterFilter } from './dead-letters/filter.js';
export type { DeadLetter } from './dead-letters/letter.js';
export type { RequeueReport } from './dead-letters/requeue.js';
export type { DeadLetterCount, DeadLetterSummary } from './dead-letters/summary.js';
export { PayloadCheckIn } from './payloads/check-in.js';
export type { CheckInParts } from './payloads/check-in.js';
export { corrupt as corruptPayload, notFetched as payloadNotFetched } from './payloads/store.js';
export type { PayloadAbout, PayloadFetch, PayloadStore } from './payloads/store.js';
export { filePayloadStore } from './payloads/file-store.js';
export type { FilePayloadStore } from './payloads/file-store.js';
export { isLoopback } from './loopback.js';
export { redact, redactValue } from './redact.js';

export { seededRandom } from './seeded-random.js';
