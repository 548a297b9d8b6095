/** Functions that policies can use besides those of the language: they reason about OVN's match language. */
export { matchFunctions as policyFunctions } from "@tenet/ovn";
