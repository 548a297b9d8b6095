export {
  FIELDS,
  type FieldName,
  type FieldSpec,
  FLOW_WORDS,
  fieldOnes,
  getField,
  getFieldBig,
  makeFlowKey,
  STAGE_ENDS,
  setField,
  setFieldBig,
} from "./flow-key.ts";
