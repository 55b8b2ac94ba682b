package astrolabe

import "spinglass/protocol"

// Reasons for which something was dropped.
const (
	ReasonSelf         protocol.Reason = "zone_self"          // from this member itself
	ReasonNotRunning   protocol.Reason = "zone_not_running"   // before this member takes part, or after
	ReasonUnknownType  protocol.Reason = "zone_unknown_type"  // not a message of this package
	ReasonRowForeign   protocol.Reason = "zone_row_foreign"   // a row of a table that is not on the own path
	ReasonRowTooLarge  protocol.Reason = "zone_row_too_large" // a row that exceeds the limit
	ReasonZoneFull     protocol.Reason = "zone_full"          // a row for which the table has no room
	ReasonRowUnsigned  protocol.Reason = "zone_row_unsigned"  // a row without what proves it
	ReasonRowStranger  protocol.Reason = "zone_row_stranger"  // a row of a member whose credential is not known yet
	ReasonRowZone      protocol.Reason = "zone_row_zone"      // a row of a zone that its maker is not in
	ReasonRowForged    protocol.Reason = "zone_row_forged"    // a row that its maker has not signed
	ReasonRowSequence  protocol.Reason = "zone_row_sequence"  // a row with a number that nobody reaches
	ReasonRowGone      protocol.Reason = "zone_row_gone"      // a row in a version that was removed
	ReasonPart         protocol.Reason = "function_part"      // a piece of a function that belongs to nothing, or for which there is no room
	ReasonFunction     protocol.Reason = "function_refused"   // a function that may not be in force here
	ReasonAskBudget    protocol.Reason = "ask_budget"         // a question for which this round has no room left
	ReasonAskPiece     protocol.Reason = "ask_piece"          // a question for a piece that there is not
	ReasonPieceUnasked protocol.Reason = "piece_unasked"      // a piece of an answer that is not waited for
	ReasonAccount      protocol.Reason = "zone_account"       // a question for what is not kept here, or a piece of an answer to none
	ReasonAnswerBudget protocol.Reason = "zone_answer_budget" // an answer for which this round has no room left

	// Why the rows of a representative are refused for a while.
	ReasonRowUnaccounted protocol.Reason = "zone_row_unaccounted" // a row of it
	ReasonFalseSummary   protocol.Reason = "zone_false_summary"   // its row says something else than what follows from its inputs
	ReasonAccountFalse   protocol.Reason = "zone_account_false"   // it has told other inputs than it has signed
	ReasonUnanswered     protocol.Reason = "zone_unanswered"      // it does not say what its rows are made of
	ReasonInputs         protocol.Reason = "zone_inputs"          // its inputs are not what the members of the zone know
)
