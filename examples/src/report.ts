/** The types of a report, as its contract has them. Types only. */
import type { EventContract } from '@celeriac/core';

import type { reportCreated } from './contracts.js';

type ValuesOf<Contract> = Contract extends EventContract<infer Values> ? Values : never;

export type Report = ValuesOf<typeof reportCreated>;
export type Sums = Report['sums'];
