/** What `ping -n` prints while it runs, and which of its requests were answered. */

/** Requests by number: the last one that was answered, and those before it, behind `since`, that were not. Later ones may be on their way. */
export function countRequests(report: string, since = 0): { readonly last: number; readonly lost: number } {
  const answered = [...report.matchAll(/bytes from .* icmp_seq=(\d+) /g)].map(([, n]) => Number(n)).filter((n) => n > since);
  const last = Math.max(since, ...answered);
  return { last, lost: last - since - new Set(answered).size };
}
