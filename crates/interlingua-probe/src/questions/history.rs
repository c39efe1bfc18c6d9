//! What a conversation may look like.

use interlingua_ir::{Item, Role};
use serde_json::json;

use super::own_first;
use crate::inquiry::Inquiry;
use crate::turns::{Asked, foreign_round, message, say};

/// Longer than any id that a server has chosen itself.
const LONG_ID: &str = "call_0123456789abcdefghijklmnopqrstuvwxyz_0123";

/// An id that all servers take.
pub(super) const SHORT_ID: &str = "probe0001";

/// Calls of others, and what may follow results.
pub(super) fn ask_rounds(inquiry: &mut Inquiry<'_>) {
    let rules = [json!("any"), json!("max40"), json!("alnum9")];
    let asked = format!("a call with an id of {} letters", LONG_ID.len());
    inquiry.choose(&asked, "tools.id_rule", &rules, None, &foreign_round(LONG_ID));

    let mut after = foreign_round(SHORT_ID);
    after.items.push(message(Role::User, "Never mind. Say hi."));
    let rules = own_first(inquiry.draft.get("messages.user_after_tool"), &["ok", "bridge"]);
    let asked = "the user speaks right after a result";
    inquiry.choose(asked, "messages.user_after_tool", &rules, None, &after);
}

/// Whose turn it is.
pub(super) fn ask_order(inquiry: &mut Inquiry<'_>) {
    let twice = Asked { items: said(&[(Role::User, "Wait."), (Role::User, "Say hi.")]), ..say("") };
    let rules = own_first(inquiry.draft.get("messages.consecutive"), &["ok", "merge"]);
    inquiry.choose("the user speaks twice in a row", "messages.consecutive", &rules, None, &twice);

    let later = [
        (Role::System, "Be brief."),
        (Role::User, "Say hi."),
        (Role::Assistant, "Hi."),
        (Role::System, "Be polite."),
        (Role::User, "Say hi."),
    ];
    let rules = ["any", "first_only", "merge_first", "to_user"].map(|it| json!(it));
    let later = Asked { items: said(&later), ..say("") };
    inquiry.choose("rules in the middle of it", "request.system", &rules, None, &later);
}

fn said(lines: &[(Role, &str)]) -> Vec<Item<'static>> {
    lines.iter().map(|(role, text)| message(*role, text)).collect()
}
