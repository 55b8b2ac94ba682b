// Package astrolabe keeps live tables over the whole fleet, summarised level by level (van Renesse, Birman, Vogels, "Astrolabe", ACM TOCS 21(2), 2003).
//
// # Vocabulary
//
//   - A zone is a path, such as /eu/fra. The names of members put them into zones: /eu/fra/web-1 is in /eu/fra, which is in /eu, which is in the root, "/".
//   - The members that stand directly in a zone are its hosts; they know each other by package membership. To other zones they are the child zone ".",
//     such as /eu/fra/. (so a zone may have hosts and child zones).
//   - The table of a zone has a row for each child zone. A row is computed from the child zone's own table, by members of it: its representatives. Each representative has a
//     row of its own, and versions of different ones are never compared.
//   - The own path is what leads from the root to a member's hosts. A member holds the tables of the zones on it, and nothing else.
//   - Contacts of a zone are the members that gossip for it: a result of the summary like any other. Whoever finds itself among the contacts of its own child zone is a
//     representative in that table.
//   - The feed of a child zone is the one of its rows that is read, and summarised.
//
// # Contract
//
//  1. Rows of the own path are computed here, from what is held here, and never taken from others.
//  2. In each round a member exchanges digests of all its tables with a random host of its zone, and, as a representative, with one of another child zone in
//     each table where it is one. What the other lacks is sent; a newer version of a row under one representative replaces the older one.
//  3. A row whose heartbeat has not advanced for T_fail is removed; the last row of a zone takes the zone with it. A version that was removed, or an
//     older one, does not return for as long as its zone is expected.
//  4. A summary says how complete it is: how many rows went into it, how many were expected, how many hosts these stand for, how old the oldest of them is. What is absent
//     is unknown; it does not count as zero.
//  5. Views: representatives of other child zones on the own path are peers ([protocol.PeerUp] and what follows) at their distance.
//  6. All work is bounded: rows of a table, bytes of a row, of a datagram and of the answers of a round, questions of a round and of one peer.
//  7. What a member does not hold it asks others for ([Machine.Ask]): a table, a row, a blob. It gets that, or the row of the zone through which the way goes on; who asks checks the rows
//     ([TableAnswer.Check]), and a blob is what its hash says.
//  8. A signed row names what it was made of. Members of its zone hold it against their own summaries; one that says something else is proven false by a
//     proof that anybody can verify ([Judge]), and who does not account for its rows is left out.
//
// The format of the messages and the reasons behind the constants are in docs/ASTROLABE.md.
//
// # Limitations
//
// A representative whose rows name no inputs is believed, as one of an earlier build. Without Config.Notary rows are taken at their word, and without Config.Trust
// functions. How old a row is that another member holds, and whether it tells all that it holds, is the word of who was asked. Rows of a host's applications, and blobs, are with that host
// alone, and with who asked for a blob before.
package astrolabe
