/** Answers of two servers, in a form that is the same when they say the same. */

/** JSON with members in order and without the uuids that servers make. */
export function comparable(json: unknown): string {
  const inOrder = (_name: string, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value;
  return JSON.stringify(json, inOrder).replaceAll(/"[0-9a-f-]{36}"/g, '"a uuid"');
}
