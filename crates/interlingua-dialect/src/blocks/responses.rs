use crate::shape::block;

block! {
    /// What an upstream takes that is asked in Responses, where it differs from Chat Completions.
    ///
    /// Its level of thinking is `reasoning.effort`: the record's `reasoning_effort`, else the name of
    /// the level. Thoughts travel as items of their own, so that `replay` only says what becomes of
    /// foreign ones.
    pub struct Responses {
        /// Tool types that are accepted; tools of other types become functions, or are left out.
        pub types: Vec<String>,
        /// Fields that must not be sent; a dot leads into an object, as in `reasoning.summary`.
        pub drop: Vec<String>,
    }
}
