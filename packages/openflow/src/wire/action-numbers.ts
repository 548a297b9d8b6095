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
  readonly MULTIPATH: 10;
  readonly BUNDLE: 12;
  readonly BUNDLE_LOAD: 13;
  readonly RESUBMIT_TABLE: 14;
  readonly OUTPUT_REG: 15;
  readonly LEARN: 16;
  readonly EXIT: 17;
  readonly DEC_TTL: 18;
  readonly FIN_TIMEOUT: 19;
  readonly CONTROLLER: 20;
  readonly DEC_TTL_CNT_IDS: 21;
  readonly WRITE_METADATA: 22;
  readonly PUSH_MPLS: 23;
  readonly POP_MPLS: 24;
  readonly SET_MPLS_TTL: 25;
  readonly DEC_MPLS_TTL: 26;
  readonly STACK_PUSH: 27;
  readonly STACK_POP: 28;
  readonly SAMPLE: 29;
  readonly SET_MPLS_LABEL: 30;
  readonly SET_MPLS_TC: 31;
  readonly OUTPUT_REG2: 32;
  readonly REG_LOAD2: 33;
  readonly CONJUNCTION: 34;
  readonly CT: 35;
  readonly NAT: 36;
  readonly CONTROLLER2: 37;
  readonly SAMPLE2: 38;
  readonly OUTPUT_TRUNC: 39;
  readonly GROUP: 40;
  readonly SAMPLE3: 41;
  readonly CLONE: 42;
  readonly CT_CLEAR: 43;
  readonly RESUBMIT_TABLE_CT: 44;
  readonly LEARN2: 45;
  readonly CHECK_PKT_LARGER: 49;
  readonly DELETE_FIELD: 50;
} = {
  RESUBMIT: 1,
  SET_TUNNEL: 2,
  SET_QUEUE: 4,
  POP_QUEUE: 5,
  REG_MOVE: 6,
  REG_LOAD: 7,
  NOTE: 8,
  SET_TUNNEL64: 9,
  MULTIPATH: 10,
  BUNDLE: 12,
  BUNDLE_LOAD: 13,
  RESUBMIT_TABLE: 14,
  OUTPUT_REG: 15,
  LEARN: 16,
  EXIT: 17,
  DEC_TTL: 18,
  FIN_TIMEOUT: 19,
  CONTROLLER: 20,
  DEC_TTL_CNT_IDS: 21,
  WRITE_METADATA: 22,
  PUSH_MPLS: 23,
  POP_MPLS: 24,
  SET_MPLS_TTL: 25,
  DEC_MPLS_TTL: 26,
  STACK_PUSH: 27,
  STACK_POP: 28,
  SAMPLE: 29,
  SET_MPLS_LABEL: 30,
  SET_MPLS_TC: 31,
  OUTPUT_REG2: 32,
  REG_LOAD2: 33,
  CONJUNCTION: 34,
  CT: 35,
  NAT: 36,
  CONTROLLER2: 37,
  SAMPLE2: 38,
  OUTPUT_TRUNC: 39,
  GROUP: 40,
  SAMPLE3: 41,
  CLONE: 42,
  CT_CLEAR: 43,
  RESUBMIT_TABLE_CT: 44,
  LEARN2: 45,
  CHECK_PKT_LARGER: 49,
  DELETE_FIELD: 50,
};

/** In `ct`: no table to go on in. */
export const NO_TABLE = 0xff;
