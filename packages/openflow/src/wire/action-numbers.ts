/** Subtypes of Nicira's actions (NXAST_*). */
export const NX: {
  readonly RESUBMIT: 1;
  readonly SET_TUNNEL: 2;
  readonly SET_QUEUE: 4;
  readonly POP_QUEUE: 5;
  readonly REG_MOVE: 6;
  readonly REG_LOAD: 7;
  readonly NOTE: 8;
  readonly SET_TUNNEL64: 9;
  readonly RESUBMIT_TABLE: 14;
  readonly OUTPUT_REG: 15;
  readonly EXIT: 17;
  readonly DEC_TTL: 18;
  readonly CONTROLLER: 20;
  readonly DEC_TTL_CNT_IDS: 21;
  readonly WRITE_METADATA: 22;
  readonly STACK_PUSH: 27;
  readonly STACK_POP: 28;
  readonly OUTPUT_REG2: 32;
  readonly REG_LOAD2: 33;
  readonly CONJUNCTION: 34;
  readonly CT: 35;
  readonly NAT: 36;
  readonly CONTROLLER2: 37;
  readonly OUTPUT_TRUNC: 39;
  readonly GROUP: 40;
  readonly CLONE: 42;
  readonly CT_CLEAR: 43;
} = {
  RESUBMIT: 1,
  SET_TUNNEL: 2,
  SET_QUEUE: 4,
  POP_QUEUE: 5,
  REG_MOVE: 6,
  REG_LOAD: 7,
  NOTE: 8,
  SET_TUNNEL64: 9,
  RESUBMIT_TABLE: 14,
  OUTPUT_REG: 15,
  EXIT: 17,
  DEC_TTL: 18,
  CONTROLLER: 20,
  DEC_TTL_CNT_IDS: 21,
  WRITE_METADATA: 22,
  STACK_PUSH: 27,
  STACK_POP: 28,
  OUTPUT_REG2: 32,
  REG_LOAD2: 33,
  CONJUNCTION: 34,
  CT: 35,
  NAT: 36,
  CONTROLLER2: 37,
  OUTPUT_TRUNC: 39,
  GROUP: 40,
  CLONE: 42,
  CT_CLEAR: 43,
};

/** In `ct`: no table to go on in. */
export const NO_TABLE = 0xff;
