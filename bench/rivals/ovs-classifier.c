/*
 * Open vSwitch's classifier alone: reads rules and packets, and for every line on its standard input measures lookups with
 * the mask for a while, so that a rival can be measured in between. Built and run by ovs-classifier.mjs.
 *
 * A line of the first file is a rule: priority, values and masks of the fields below; of the second file a packet: values.
 * All numbers are hexadecimal. Answers: "bits" that a lookup looks at on average, then millions of lookups per second
 * of CPU time for each line.
 */
#include <config.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "classifier.h"
#include "flow.h"
#include "openvswitch/match.h"
#include "packets.h"
#include "util.h"
#include "versions.h"

enum { TUN_ID, METADATA, IN_PORT, VLAN_TCI, ETH_TYPE, TP_SRC, TP_DST, ETH_SRC, ETH_DST, NW_PROTO, NW_TOS, NW_SRC, NW_DST, N_FIELDS };
#define ROUND_SECONDS 0.3

static void set_fields(struct flow *flow, const uint64_t value[N_FIELDS]) {
    flow->tunnel.tun_id = htonll(value[TUN_ID]);
    flow->metadata = htonll(value[METADATA]);
    flow->in_port.ofp_port = (OVS_FORCE ofp_port_t) value[IN_PORT];
    flow->vlans[0].tci = htons(value[VLAN_TCI]);
    flow->dl_type = htons(value[ETH_TYPE]);
    flow->tp_src = htons(value[TP_SRC]);
    flow->tp_dst = htons(value[TP_DST]);
    eth_addr_from_uint64(value[ETH_SRC], &flow->dl_src);
    eth_addr_from_uint64(value[ETH_DST], &flow->dl_dst);
    flow->nw_proto = value[NW_PROTO];
    flow->nw_tos = value[NW_TOS];
    flow->nw_src = htonl(value[NW_SRC]);
    flow->nw_dst = htonl(value[NW_DST]);
}

static bool read_numbers(FILE *file, uint64_t *numbers, int n) {
    for (int i = 0; i < n; i++) {
        if (fscanf(file, "%" SCNx64, &numbers[i]) != 1) return false;
    }
    return true;
}

static FILE *open_file(const char *name) {
    FILE *file = fopen(name, "r");
    if (!file) {
        perror(name);
        exit(1);
    }
    return file;
}

static void read_rules(struct classifier *rules, const char *name) {
    FILE *file = open_file(name);
    uint64_t priority, value[N_FIELDS], mask[N_FIELDS];
    while (read_numbers(file, &priority, 1) && read_numbers(file, value, N_FIELDS) && read_numbers(file, mask, N_FIELDS)) {
        struct match match;
        match_init_catchall(&match);
        set_fields(&match.flow, value);
        set_fields(&match.wc.masks, mask);
        struct cls_rule *rule = xmalloc(sizeof *rule);
        cls_rule_init(rule, &match, priority);
        classifier_insert(rules, rule, OVS_VERSION_MIN, NULL, 0);
    }
    fclose(file);
}

static struct flow *read_packets(const char *name, size_t *n) {
    FILE *file = open_file(name);
    struct flow *packets = NULL;
    size_t n_allocated = 0;
    uint64_t value[N_FIELDS];
    for (*n = 0; read_numbers(file, value, N_FIELDS); ++*n) {
        if (*n == n_allocated) packets = x2nrealloc(packets, &n_allocated, sizeof *packets);
        memset(&packets[*n], 0, sizeof *packets);
        set_fields(&packets[*n], value);
    }
    fclose(file);
    return packets;
}

static double cpu_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Looks every packet up. Returns how many bits the masks have together, if that is wanted. */
static uint64_t look_up(struct classifier *rules, const struct flow *packets, size_t n, bool counts_bits) {
    static volatile size_t n_found;
    uint64_t n_bits = 0;
    struct flow_wildcards wc;
    for (size_t i = 0; i < n; i++) {
        flow_wildcards_init_catchall(&wc);
        if (classifier_lookup(rules, OVS_VERSION_MIN, (struct flow *) &packets[i], &wc)) n_found++;
        for (size_t at = 0; counts_bits && at < sizeof wc.masks; at++) n_bits += __builtin_popcount(((uint8_t *) &wc.masks)[at]);
    }
    return n_bits;
}

int main(int argc, char **argv) {
    if (argc != 3) ovs_fatal(0, "usage: %s RULES PACKETS", argv[0]);
    const enum mf_field_id prefixes[] = { MFF_IPV4_DST, MFF_IPV4_SRC }; /* as its switch has them */
    struct classifier rules;
    set_program_name(argv[0]);
    classifier_init(&rules, flow_segment_u64s);
    classifier_set_prefix_fields(&rules, prefixes, 2);
    read_rules(&rules, argv[1]);
    size_t n;
    struct flow *packets = read_packets(argv[2], &n);
    printf("%f\n", (double) look_up(&rules, packets, n, true) / n);
    fflush(stdout);
    while (getchar() == '\n') {
        double start = cpu_seconds(), end;
        size_t n_lookups = 0;
        do {
            look_up(&rules, packets, n, false);
            n_lookups += n;
            end = cpu_seconds();
        } while (end - start < ROUND_SECONDS);
        printf("%f\n", n_lookups / (end - start) / 1e6);
        fflush(stdout);
    }
    return 0;
}
