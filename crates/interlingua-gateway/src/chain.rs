//! What an answer passes through on its way from the decoder to the client.

use interlingua_ir::{Event, Fault, Sink};
use interlingua_reasoning::{Capture, Pending, Sealer, Sealing, Unique};
use interlingua_translate::tools::{Bridge, ToolMap, Unwrapping};
use interlingua_translate::{Check, Encode};

use crate::recall::Keeping;
use crate::record::Meter;
use crate::stored::Storing;

/// The sinks of one answer: tools are restored, ids made unique, thoughts kept or sealed, tokens counted,
/// and what is left is written for the client.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) passage: Passage,
    unwrapping: Unwrapping,
    pub(crate) meter: Meter,
    pub(crate) encoder: Box<dyn Encode>,
}

/// What is done to one answer on its way, by who gives it and who gets it.
#[derive(Debug, Default)]
pub(crate) struct Passage {
    /// The gateway's id of the answer, by which ids of calls are made unique; nothing where the upstream's
    /// frames go on as they come.
    pub(crate) answer: Option<String>,
    pub(crate) tools: ToolMap,
    pub(crate) keeping: Option<Keeping>,
    pub(crate) storing: Option<Storing>,
    /// Nothing for clients that have no place for what is sealed.
    pub(crate) sealing: Option<Sealing>,
    /// Where the upstream could not be held to the form of the answer.
    pub(crate) check: Option<Check>,
}

impl Chain {
    pub(crate) fn new(encoder: Box<dyn Encode>, meter: Meter) -> Self {
        Self { passage: Passage::default(), unwrapping: Unwrapping::default(), meter, encoder }
    }

    /// Tells the client that the answer has failed.
    pub(crate) fn fail(&mut self, fault: &Fault) {
        self.meter.fault(fault);
        self.encoder.fail(fault);
    }

    /// What has to be kept before the client may see the end of the answer, since it may come back at
    /// once.
    pub(crate) fn keep(&mut self) -> Option<Pending<'static, ()>> {
        let thoughts = self.passage.keeping.take().and_then(|it| it.keep());
        let storing = self.passage.storing.take();
        let response = storing.and_then(|it| it.keep(&self.encoder.kept()?));
        match (thoughts, response) {
            (Some(thoughts), Some(response)) => Some(Box::pin(async {
                thoughts.await?;
                response.await
            })),
            (one, other) => one.or(other),
        }
    }
}

impl Sink for Chain {
    fn event(&mut self, event: Event<'_>) {
        let mismatch = self.passage.check.as_mut().and_then(|it| it.see(&event));
        if let Some(note) = mismatch {
            self.pass(Event::Note(note));
        }
        self.pass(event);
    }
}

impl Chain {
    fn pass(&mut self, event: Event<'_>) {
        self.meter.event(&event);
        let Self { passage, unwrapping, encoder, .. } = self;
        let Passage { answer, tools, keeping, sealing, .. } = passage;
        let encoder = &mut **encoder;
        let answer = answer.as_deref();
        match (keeping, sealing) {
            (None, None) => {
                Bridge::new(tools, unwrapping, Unique::new(answer, encoder)).event(event);
            }
            (None, Some(sealing)) => {
                let sealer = Sealer::new(sealing, encoder);
                Bridge::new(tools, unwrapping, Unique::new(answer, sealer)).event(event);
            }
            (Some(Keeping { capturing, .. }), None) => {
                let capture = Capture::new(capturing, encoder);
                Bridge::new(tools, unwrapping, Unique::new(answer, capture)).event(event);
            }
            (Some(Keeping { capturing, .. }), Some(sealing)) => {
                let capture = Capture::new(capturing, Sealer::new(sealing, encoder));
                Bridge::new(tools, unwrapping, Unique::new(answer, capture)).event(event);
            }
        }
    }
}
