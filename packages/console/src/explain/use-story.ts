/** Asks why a packet goes where it goes; the question lives in the address bar, so that a story can be linked. */
import { useCallback, useEffect, useRef, useState } from "react";
import type { Story, WhyRequest } from "../api.ts";

/** The state of the last question. */
export type Asked =
  | { readonly kind: "nothing" }
  | { readonly kind: "waiting"; readonly question: string }
  | { readonly kind: "answered"; readonly question: string; readonly story: Story }
  | { readonly kind: "failed"; readonly question: string; readonly problem: string };

/** The last question and its answer, and the way to ask the next. */
export interface StoryTeller {
  readonly asked: Asked;
  readonly ask: (question: string) => void;
}

/** Asks the question in the address bar at once, then whatever `ask` is given; a newer question drops an older answer. */
export function useStory(): StoryTeller {
  const [asked, setAsked] = useState<Asked>({ kind: "nothing" });
  const running = useRef<AbortController>(undefined);

  const ask = useCallback((question: string) => {
    running.current?.abort();
    const abort = new AbortController();
    running.current = abort;
    window.history.replaceState(null, "", `#why=${encodeURIComponent(question)}`);
    setAsked({ kind: "waiting", question });
    fetchStory(question, abort.signal).then(
      (story) => {
        if (!abort.signal.aborted) setAsked(storyOrProblem(question, story));
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const problem =
          error instanceof TypeError ? "The server does not answer" : error instanceof Error ? error.message : String(error);
        setAsked({ kind: "failed", question, problem });
      },
    );
  }, []);

  useEffect(() => {
    const askLinked = (): void => {
      const linked = questionIn(window.location.hash);
      if (linked !== undefined) ask(linked);
    };
    askLinked();
    window.addEventListener("hashchange", askLinked);
    return () => {
      window.removeEventListener("hashchange", askLinked);
      running.current?.abort();
    };
  }, [ask]);

  return { asked, ask };
}

/** The question in an address; one that is not properly encoded is taken as it stands. */
function questionIn(hash: string): string | undefined {
  const linked = /^#why=(.+)$/.exec(hash)?.[1];
  if (linked === undefined) return undefined;
  try {
    return decodeURIComponent(linked);
  } catch {
    return linked;
  }
}

function storyOrProblem(question: string, story: Story): Asked {
  return story.error === undefined ? { kind: "answered", question, story } : { kind: "failed", question, problem: story.error };
}

async function fetchStory(question: string, signal: AbortSignal): Promise<Story> {
  const request: WhyRequest = { question };
  const response = await fetch("/api/why", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
    signal,
  });
  if (!response.ok) throw new Error(`The server answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
  return (await response.json()) as Story;
}
