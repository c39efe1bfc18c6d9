//! Which answer comes next.

use std::collections::VecDeque;
use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use super::answer::Answer;
use super::model::Model;
use super::render::Voice;
use super::strict::Strict;
use super::wire::bare;

/// A request as the upstream received it.
#[derive(Clone, Debug)]
pub struct Request {
    /// The request's method.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, byte by byte.
    pub raw: Bytes,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Request {
    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The conversation, over Chat Completions and Messages.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Whether `text` stands anywhere in the body, as it was sent (JSON escapes included).
    pub fn contains(&self, text: &str) -> bool {
        memchr::memmem::find(&self.raw, text.as_bytes()).is_some()
    }
}

type Predicate = Box<dyn Fn(&Request) -> bool + Send>;
type Maker = Box<dyn FnOnce(&Request) -> Answer + Send>;

/// The answers of a [`Scripted`](super::Scripted) upstream, in order.
///
/// A request takes the next answer of the first lane that wants it, else of the main lane. So a
/// sub-agent that runs beside its parent gets answers of its own, whoever comes first.
#[derive(Default)]
pub struct Script {
    pub(super) lanes: Vec<Lane>,
    pub(super) main: VecDeque<Maker>,
    pub(super) otherwise: Option<Answer>,
    pub(super) strict: Option<Strict>,
    pub(super) key: Option<String>,
    pub(super) models: Vec<String>,
    pub(super) models_path: Option<String>,
    pub(super) models_answer: Option<Answer>,
    pub(super) count_answer: Option<Answer>,
    pub(super) model: Option<Model>,
}

pub(super) struct Lane {
    pub(super) name: String,
    pub(super) wants: Predicate,
    pub(super) steps: VecDeque<Maker>,
    pub(super) always: Option<Answer>,
}

impl Script {
    /// A script without answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next answer of the main lane.
    #[must_use]
    pub fn then(self, answer: Answer) -> Self {
        self.then_with(move |_| answer)
    }

    /// The next answer of the main lane, made from the request it answers.
    #[must_use]
    pub fn then_with(mut self, answer: impl FnOnce(&Request) -> Answer + Send + 'static) -> Self {
        self.main.push_back(Box::new(answer));
        self
    }

    /// A lane of its own for the requests that `wants` picks.
    #[must_use]
    pub fn lane(
        mut self,
        name: &str,
        wants: impl Fn(&Request) -> bool + Send + 'static,
        answers: impl IntoIterator<Item = Answer>,
    ) -> Self {
        let steps = answers.into_iter().map(|answer| Box::new(|_: &Request| answer) as Maker);
        let lane = Lane {
            name: name.into(),
            wants: Box::new(wants),
            steps: steps.collect(),
            always: None,
        };
        self.lanes.push(lane);
        self
    }

    /// A lane that answers as often as it is asked, and need not be asked at all.
    #[must_use]
    pub fn always(
        mut self,
        name: &str,
        wants: impl Fn(&Request) -> bool + Send + 'static,
        answer: Answer,
    ) -> Self {
        self = self.lane(name, wants, []);
        if let Some(lane) = self.lanes.last_mut() {
            lane.always = Some(answer);
        }
        self
    }

    /// The answer to requests for which no step is left; without it they get a 500 and are counted.
    #[must_use]
    pub fn otherwise(mut self, answer: Answer) -> Self {
        self.otherwise = Some(answer);
        self
    }

    /// Judges every body before it is answered; a refused one takes no step.
    #[must_use]
    pub fn strict(mut self, strict: Strict) -> Self {
        self.strict = Some(strict);
        self
    }

    /// Lets a model say what it likes, instead of a fixed sequence of answers.
    #[must_use]
    pub fn model(mut self, model: Model) -> Self {
        self.model = Some(model);
        self
    }

    /// Does not know `…/messages/count_tokens`.
    #[must_use]
    pub fn without_count_tokens(self) -> Self {
        self.count_answer(Answer::error(404, "not_found", "only models and their answers are here"))
    }

    /// Answers this instead of a count at `…/messages/count_tokens`.
    #[must_use]
    pub fn count_answer(mut self, answer: Answer) -> Self {
        self.count_answer = Some(answer);
        self
    }

    /// Refuses requests without this key by a 401; it may come as a bearer token or as `x-api-key`.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What `GET …/models` lists.
    #[must_use]
    pub fn models<'a>(mut self, models: impl IntoIterator<Item = &'a str>) -> Self {
        self.models = models.into_iter().map(str::to_owned).collect();
        self
    }

    /// Where alone `GET` lists models; at any other path they are 404.
    #[must_use]
    pub fn models_only_at(mut self, path: &str) -> Self {
        self.models_path = Some(path.into());
        self
    }

    /// What `GET …/models` answers instead of a list.
    #[must_use]
    pub fn models_answer(mut self, answer: Answer) -> Self {
        self.models_answer = Some(answer);
        self
    }

    /// Whether a request asks for the list of models.
    pub(super) fn lists_models(&self, request: &Request) -> bool {
        let path = bare(request);
        let here = self.models_path.as_deref().is_none_or(|only| only == path);
        request.method == Method::GET && path.ends_with("/models") && here
    }

    /// How thought is shown over Chat.
    pub(super) fn voice(&self) -> Voice {
        self.strict.as_ref().map(Strict::voice).unwrap_or_default()
    }

    /// What has to be settled once all of it is said.
    pub(super) fn settle(&mut self) {
        if let (Some(strict), Some(_)) = (&mut self.strict, &self.model) {
            strict.leave_thought();
        }
    }

    /// Takes the next answer, and names the lane it came from.
    pub(super) fn next(&mut self, request: &Request) -> (String, Option<Answer>) {
        let lane = self.lanes.iter_mut().find(|lane| (lane.wants)(request));
        let (name, steps, always) = match lane {
            Some(lane) => (lane.name.clone(), &mut lane.steps, lane.always.as_ref()),
            None => (MAIN.to_owned(), &mut self.main, None),
        };
        let answer = steps.pop_front().map(|make| make(request));
        (name, answer.or_else(|| always.or(self.otherwise.as_ref()).cloned()))
    }

    pub(super) fn left(&self) -> Vec<(String, usize)> {
        let lanes = self.lanes.iter().map(|lane| (lane.name.clone(), lane.steps.len()));
        lanes.chain([(MAIN.to_owned(), self.main.len())]).filter(|(_, left)| *left > 0).collect()
    }
}

const MAIN: &str = "main";

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("left", &self.left()).finish_non_exhaustive()
    }
}
