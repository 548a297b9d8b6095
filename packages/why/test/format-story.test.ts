import { formatStory, type Story } from "@tenet/why";
import { describe, expect, test } from "vitest";

const ACL = "0ac5984f-8421-486b-a826-532ea61805f5";
const lflow = (prefix: string): string => `${prefix}-8764-4bc4-8e6b-33c886b141ab`;

const STORY: Story = {
  question: "web1 -> db1 tcp 5432",
  verdict: "dropped",
  summary:
    'web1 cannot reach db1 on tcp 5432: ACL "db-guard" (to-lport, priority 1001, drop) on switch prod dropped it in ls_out_acl.',
  cause: {
    table: "ACL",
    uuid: ACL,
    summary: 'ACL "db-guard" (to-lport, priority 1001, drop) on switch prod',
    columns: {
      action: "drop",
      direction: "to-lport",
      external_ids: { owner: "ops", ticket: "17" },
      match: 'outport == "db1" && tcp',
      name: "db-guard",
      priority: 1001,
    },
    transaction: {
      id: "036e2ee4-30a3-6534-546b-134de12b4e84",
      at: Date.UTC(2026, 4, 1, 12, 0, 3),
      client: "ovn-nbctl (pid 4711, uid 0)",
      comment: 'ovn-nbctl: ovn-nbctl --name=db-guard acl-add prod to-lport 1001 "outport == \\"db1\\" && tcp" drop',
    },
  },
  megaflow: {
    match: "recirc_id=0,eth,tcp,in_port=web1,dl_src=0a:00:00:00:00:01,dl_dst=0a:00:00:00:00:02,nw_src=10.0.0.1,nw_frag=no",
    actions: "drop",
  },
  layers: {
    logical: [
      {
        stage: "ls_in_acl",
        pipeline: "ingress",
        table: 8,
        priority: 0,
        match: "1",
        actions: "next;",
        uuid: lflow("11111111"),
        datapath: "prod",
      },
      {
        stage: "ls_in_l2_lkup",
        pipeline: "ingress",
        table: 25,
        priority: 50,
        match: "eth.dst == 0a:00:00:00:00:02",
        actions: 'outport = "db1"; output;',
        uuid: lflow("22222222"),
        hint: "5b013356",
        datapath: "prod",
      },
      {
        stage: "ls_out_acl",
        pipeline: "egress",
        table: 4,
        priority: 2001,
        match: 'outport == "db1" && tcp',
        actions: "/* drop */",
        uuid: lflow("33333333"),
        hint: ACL.slice(0, 8),
        datapath: "prod",
      },
    ],
    physical: [
      {
        table: 0,
        cookie: "0xd95679dd",
        priority: 100,
        match: "in_port=6",
        actions: "set_field:0x2->metadata,set_field:0x1->reg14,resubmit(,8)",
      },
      { table: 16, cookie: "0x11111111", priority: 0, match: "metadata=0x2", actions: "resubmit(,17)", lflow: lflow("11111111") },
      {
        table: 33,
        cookie: "0x22222222",
        priority: 50,
        match: "metadata=0x2,dl_dst=0a:00:00:00:00:02",
        actions: "set_field:0x2->reg15,resubmit(,37)",
        lflow: lflow("22222222"),
      },
      { table: 37, cookie: "0x0", priority: 0, match: "", actions: "resubmit(,39)" },
      {
        table: 46,
        cookie: "0x33333333",
        priority: 2001,
        match: "tcp,reg15=0x2,metadata=0x2",
        actions: "drop",
        lflow: lflow("33333333"),
      },
    ],
  },
};

test("a story reads from the verdict to the flows that decided", () => {
  expect(formatStory(STORY)).toMatchInlineSnapshot(`
    "DROPPED  web1 -> db1 tcp 5432
    web1 cannot reach db1 on tcp 5432: ACL "db-guard" (to-lport, priority 1001, drop) on switch prod
    dropped it in ls_out_acl.

    cause     ACL 0ac5984f-8421-486b-a826-532ea61805f5
              action        drop
              direction     to-lport
              external_ids  owner=ops, ticket=17
              match         outport == "db1" && tcp
              name          db-guard
              priority      1001
    written   2026-05-01 12:00:03 UTC by ovn-nbctl (pid 4711, uid 0)
              ovn-nbctl: ovn-nbctl --name=db-guard acl-add prod to-lport 1001 "outport == \\"db1\\" &&
              tcp" drop
              transaction 036e2ee4-30a3-6534-546b-134de12b4e84

    logical flows  2 of 3; the others only pass it on
      prod  25  ls_in_l2_lkup    50  eth.dst == 0a:00:00:00:00:02  outport = "db1"; output;
      prod   4  ls_out_acl     2001  outport == "db1" && tcp       /* drop */

    OpenFlow flows  3 of 5; the others only pass it on
       0   100  0xd95679dd  in_port=6                              set_field:0x2->metadata,
                                                                   set_field:0x1->reg14,resubmit(,8)
      33    50  0x22222222  metadata=0x2,dl_dst=0a:00:00:00:00:02  set_field:0x2->reg15,resubmit(,37)
      46  2001  0x33333333  tcp,reg15=0x2,metadata=0x2             drop

    megaflow  recirc_id=0,eth,tcp,in_port=web1,dl_src=0a:00:00:00:00:01,dl_dst=0a:00:00:00:00:02,
              nw_src=10.0.0.1,nw_frag=no
              -> drop
    "
  `);
});

test("all tables are shown when they are asked for", () => {
  const text = formatStory(STORY, { full: true });
  expect(text).toContain("ls_in_acl ");
  expect(text).toContain("resubmit(,39)");
  expect(text).not.toContain("only pass it on");
});

describe("lines keep to the width", () => {
  test.each([72, 80, 100, 120])("of %i columns, and nothing gets lost", (width) => {
    const text = formatStory(STORY, { width, full: true });
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
    const squeezed = text.replace(/\s+/g, "");
    for (const part of [STORY.summary, STORY.megaflow?.match ?? "", STORY.cause?.transaction?.comment ?? ""]) {
      expect(squeezed).toContain(part.replace(/\s+/g, ""));
    }
  });
});

test("colours add nothing but colours", () => {
  const plain = formatStory(STORY);
  const colored = formatStory(STORY, { color: true });
  const escapes = new RegExp(`${String.fromCharCode(27)}[[]\\d+m`, "g");
  expect(plain).not.toMatch(escapes);
  expect(colored).toMatch(escapes);
  expect(colored.replace(escapes, "")).toBe(plain);
});

test("a story without a cause, links or flows is short", () => {
  const bare: Story = { question: "in_port=9,ip", verdict: "dropped", summary: "No.", layers: { logical: [], physical: [] } };
  expect(formatStory(bare)).toBe("DROPPED  in_port=9,ip\nNo.\n");
  expect(formatStory({ ...bare, error: "question:1:1: what" })).toBe("no answer  question:1:1: what\n");
});

test("a cause without a transaction says so", () => {
  const { transaction: _gone, ...cause } = STORY.cause ?? { table: "", uuid: "", summary: "", columns: {} };
  expect(formatStory({ ...STORY, cause })).toContain("written   not within the history that the database keeps");
});
