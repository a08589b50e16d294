/** The shapes of the HTTP API. Times are integer milliseconds since the Unix epoch, UTC. */

export interface Words {
  zh: string;
  en: string;
}

export type Severity = 'blue' | 'yellow' | 'orange' | 'red';
export type Op = 'above' | 'over' | 'below' | 'under';
export type Quality = 'good' | 'uncertain' | 'bad';
export type Value = number | boolean | string | null;
export type AlarmState =
  | 'unacknowledged'
  | 'acknowledged'
  | 'returned_unacknowledged'
  | 'latched_unacknowledged'
  | 'latched_acknowledged'
  | 'shelved'
  | 'suppressed'
  | 'out_of_service'
  | 'normal';
/** What an alarm is under what covers it. */
export type Life = Exclude<AlarmState, 'shelved' | 'suppressed' | 'out_of_service'>;
export type Step = 'acknowledge' | 'cause' | 'verify' | 'close';
export type Cause = 'true' | 'false' | 'planned' | 'sensor_fault';
export type GatewayState = 'live' | 'backlog' | 'silent' | 'unknown';
export type HealthStatus = 'ok' | 'degraded' | 'refusing';

export interface Problem extends Words {
  code: string;
}

export interface Health {
  status: HealthStatus;
  problems: Problem[];
  now: number;
  version: string;
  log: { id: string; first: number; next: number; bytes: number; free_bytes: number };
  judge_lag_ms: number;
  history: { series: number; head_samples: number; bytes: number };
}

export interface Gateway {
  enterprise: string;
  gateway: string;
  state: GatewayState;
  connected: boolean;
  last_seen: number | null;
  watermark: number | null;
  lag_ms: number | null;
  skew_ms: number | null;
  backlog_frames: number;
  epoch: string;
  points: number;
  refused: number;
  duplicates: number;
  corrupt: number;
  gaps: number;
  faults: Problem[];
}

export interface Limit {
  rule: string;
  level: string;
  op: Op;
  value: number;
  reset: number | null;
  severity: Severity;
}

export interface Span {
  low: number;
  high: number;
}

export interface Point {
  id: string;
  enterprise: string;
  gateway: string;
  key: string;
  title: Words;
  kind: string;
  unit: string;
  value_type: string;
  range: Span | null;
  interval_ms: number;
  labels: Record<string, string>;
  limits: Limit[];
}

export interface Current {
  id: string;
  time: number;
  value: Value;
  quality: Quality;
  reason: string | null;
}

export interface RangeAnswer {
  point: string;
  unit: string;
  downsampled: boolean;
  step_ms: number;
  t: number[];
  mean?: (number | null)[];
  min?: (number | null)[];
  max?: (number | null)[];
  bad?: number[];
}

export interface Shelf {
  by: string;
  comment: string;
  until: number;
  one_shot: boolean;
}

export interface Permit {
  by: string;
  comment: string;
  permit: string;
  until: number;
  /** The second person; nobody has agreed while it is null. */
  agreed_by: string | null;
}

/** The closed loop of an alarm (核警/销警), while it is open. */
export interface Case {
  grade: Severity;
  opened: number;
  step: Step;
  due: number | null;
  overdue: Step | null;
  tier: number;
  asks: Step[];
  acknowledged: boolean;
  answered: boolean;
  second_person: boolean;
  cause: Cause | null;
  cause_by: string | null;
  measure: string | null;
  verified_by: string | null;
}

export interface Alarm {
  alarm: string;
  occurrence: string;
  rule: string;
  rule_version: string | number;
  level: string;
  title: Words;
  severity: Severity;
  state: AlarmState;
  life: Life;
  active: boolean;
  over: boolean;
  enterprise: string;
  gateway: string;
  point: string | null;
  group: string | null;
  point_title: Words | null;
  unit: string | null;
  seen: number | null;
  value: Value;
  limit: number | null;
  op: Op | null;
  raised_at: number;
  raises: number;
  changed_at: number;
  returned_at: number | null;
  acked_at: number | null;
  acked_by: string | null;
  comment: string | null;
  retrospective: boolean;
  held: string | null;
  /** Why nobody watches it any more; it did not return to normal. */
  unwatched: string | null;
  latch: boolean;
  shelve_max_ms: number;
  shelf: Shelf | null;
  suppressed_by: string | null;
  permit: Permit | null;
  case: Case | null;
  first_out: { group: string; first: string | null } | null;
  planned: string | null;
  repeated: boolean;
  source: { standard: string; clause: string; ship: string; confidence: string } | null;
  event: string | null;
}

/** Who did something, when and why. */
export interface Done {
  by: string;
  comment: string;
  at: number;
}

/** Labels, each with the values that fit. */
export type Select = Record<string, string[]>;

interface WindowBase {
  select: Select;
  from: number;
  until: number;
  made: Done | null;
  /** Who ended it early. */
  ended: Done | null;
}
/** A window (calibration, test, drill) in which alarms are planned. */
export interface Booking extends WindowBase {
  booking: string;
}
/** A time in which notices are not sent. */
export interface Silence extends WindowBase {
  silence: string;
}

export interface CoverageCounts {
  required: number;
  connected: number;
  live: number;
}
export interface CoverageTarget {
  id: string;
  plant: string;
  title: Words;
  seed: string[];
  counts: CoverageCounts;
}
export interface CoverageRow {
  key: string;
  title: Words;
  counts: CoverageCounts;
  targets: CoverageTarget[];
  unknown_plants: string[];
}
export interface Coverage {
  total: CoverageCounts;
  rows: CoverageRow[];
  seeds: Record<string, CoverageCounts>;
  unregistered: { enterprise: string; gateways: number; points: number }[];
}
export type CoverageBy = 'enterprise' | 'industry' | 'township';

/** Why reads gave no good value, and how many. */
export interface CustodyCause {
  why: string;
  reads: number;
}
/** What became of the reads of an hour; `due` is `good` and all causes together. */
export interface CustodyHour {
  hour: number;
  due: number;
  made: number;
  good: number;
  unchanged: number;
  delivered: number;
  causes: CustodyCause[];
}
/** What a gateway says is missing. */
export interface CustodyGap {
  from: number;
  until: number;
  /** Frames, or readings when `why` is `queue`; 0 when not known. */
  count: number;
  why: string;
}
export interface CustodyAnswer {
  gateway: string;
  points: { key: string; title: Words; interval_ms: number; hours: CustodyHour[] }[];
  gaps: CustodyGap[];
  /** Ask again with this as `after` for further points. */
  next?: string;
  unreadable: number;
}

/** One event of an occurrence's life. */
export interface StoryStep {
  event: string;
  at: number;
  transition: string;
  by: string | null;
  comment: string | null;
  cause: Cause | null;
  accepted: boolean | null;
}

/** From the one to know to the one where life is at risk. */
export const SEVERITIES: readonly Severity[] = ['blue', 'yellow', 'orange', 'red'];

/** 1 (blue) to 4 (red); an unknown word counts as the worst, so that it is not overlooked. */
export function ordinal(severity: Severity): number {
  const at = SEVERITIES.indexOf(severity);
  return at < 0 ? SEVERITIES.length : at + 1;
}
