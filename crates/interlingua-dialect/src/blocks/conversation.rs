use crate::shape::{block, closed_enum};

block! {
    /// What the list of messages must look like.
    pub struct Messages {
        /// What becomes of an assistant message whose content is null.
        pub assistant_null_content: AssistantNullContent,
        /// What becomes of an assistant message with neither text nor calls.
        pub empty_assistant: EmptyAssistant,
        /// What becomes of content as a list of text parts.
        pub text_parts: TextParts,
        /// What becomes of neighbours of one role.
        pub consecutive: Consecutive,
        /// Whether a user message may follow a tool message.
        pub user_after_tool: UserAfterTool,
        /// Whether the last message may be the assistant's.
        pub last_assistant: LastAssistant,
        /// What becomes of a message's `name`.
        pub name_field: NameField,
        /// An image needs a text part beside it.
        pub image_needs_text: bool,
        /// Arguments of earlier calls must be valid JSON.
        pub repair_arguments: bool,
        /// User messages may hold documents, as data URLs in parts of type `file`.
        pub file_parts: bool,
        /// User messages may hold recordings, in parts of type `input_audio`.
        pub audio_parts: bool,
    }
}

closed_enum! {
    /// What becomes of an assistant message whose content is null.
    pub enum AssistantNullContent {
        /// It passes.
        Ok = "ok",
        /// The content becomes the empty string.
        EmptyString = "empty_string",
        /// The key is left out; only real text is sent.
        OmitOrText = "omit_or_text",
    }
}

closed_enum! {
    /// What becomes of an assistant message with neither text nor calls.
    pub enum EmptyAssistant {
        /// It passes.
        Ok = "ok",
        /// It is left out.
        Drop = "drop",
    }
}

closed_enum! {
    /// What becomes of content as a list of text parts.
    pub enum TextParts {
        /// It passes.
        Ok = "ok",
        /// It becomes one string.
        Flatten = "flatten",
    }
}

closed_enum! {
    /// What becomes of neighbours of one role.
    pub enum Consecutive {
        /// They pass.
        Ok = "ok",
        /// They become one.
        Merge = "merge",
    }
}

closed_enum! {
    /// Whether a user message may follow a tool message.
    pub enum UserAfterTool {
        /// It may.
        Ok = "ok",
        /// It needs a short assistant message between.
        Bridge = "bridge",
    }
}

closed_enum! {
    /// Whether the last message may be the assistant's.
    pub enum LastAssistant {
        /// It may.
        Ok = "ok",
        /// It may, with `prefix: true`.
        PrefixFlag = "prefix_flag",
        /// It is refused.
        Refuse = "refuse",
    }
}

closed_enum! {
    /// What becomes of a message's `name`.
    pub enum NameField {
        /// It passes.
        Keep = "keep",
        /// It is left out.
        Drop = "drop",
    }
}

block! {
    /// What images may look like.
    pub struct Vision {
        /// Whether images are understood.
        pub images: Images,
        /// How an image may be referred to.
        pub schemes: Vec<ImageScheme>,
        /// How `image_url` is written.
        pub image_url_form: ImageUrlForm,
        /// What becomes of images in tool results.
        pub tool_result_images: ToolResultImages,
        /// Documents such as PDFs are understood.
        pub documents: bool,
    }
}

closed_enum! {
    /// Whether images are understood.
    pub enum Images {
        /// They are.
        Yes = "yes",
        /// They are not.
        No = "no",
        /// It depends on the model, and the record does not know.
        ByModel = "by_model",
    }
}

closed_enum! {
    /// How an image may be referred to.
    pub enum ImageScheme {
        /// By its address.
        Https = "https",
        /// In the request itself.
        Data = "data",
        /// By the id of an uploaded file.
        FileId = "file_id",
        /// By a `ms://` reference.
        Ms = "ms",
    }
}

closed_enum! {
    /// How `image_url` is written.
    pub enum ImageUrlForm {
        /// An object with `url`.
        Object = "object",
        /// A string.
        String = "string",
    }
}

closed_enum! {
    /// What becomes of images in tool results.
    pub enum ToolResultImages {
        /// They stay.
        Keep = "keep",
        /// They move into a user message after the block of results.
        LiftToUser = "lift_to_user",
        /// They are left out.
        Drop = "drop",
    }
}
