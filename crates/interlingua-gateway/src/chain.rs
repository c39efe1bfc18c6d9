//! What an answer passes through on its way from the decoder to the client.

use interlingua_ir::{Event, Fault, Sink};
use interlingua_reasoning::{Capture, Pending, Sealer, Sealing, Unique};
use interlingua_translate::Encode;
use interlingua_translate::tools::{Bridge, ToolMap, Unwrapping};

use crate::recall::Keeping;
use crate::record::Meter;

/// The sinks of one answer: tools are restored, thoughts are kept or sealed, tokens are counted, and what
/// is left is written for the client.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) tools: ToolMap,
    unwrapping: Unwrapping,
    pub(crate) keeping: Option<Keeping>,
    pub(crate) sealing: Option<Sealing>,
    pub(crate) meter: Meter,
    pub(crate) encoder: Box<dyn Encode>,
}

impl Chain {
    pub(crate) fn new(encoder: Box<dyn Encode>, meter: Meter) -> Self {
        Self {
            tools: ToolMap::default(),
            unwrapping: Unwrapping::default(),
            keeping: None,
            sealing: None,
            meter,
            encoder,
        }
    }

    /// Tells the client that the answer has failed.
    pub(crate) fn fail(&mut self, fault: &Fault) {
        self.meter.fault(fault);
        self.encoder.fail(fault);
    }

    /// What has to be kept before the client may see the end; nothing if it has not come, or need not wait.
    pub(crate) fn keep(&self) -> Option<Pending<'static, ()>> {
        self.keeping.as_ref().filter(|it| it.end.is_some()).map(Keeping::keep)
    }

    /// Lets the end go that has waited.
    pub(crate) fn release(&mut self) {
        if let Some(end) = self.keeping.take().and_then(|it| it.end) {
            self.encoder.event(end);
        }
    }
}

impl Sink for Chain {
    fn event(&mut self, event: Event<'_>) {
        self.meter.event(&event);
        let Self { tools, unwrapping, keeping, sealing, encoder, .. } = self;
        let encoder = &mut **encoder;
        match (keeping, sealing) {
            (None, None) => Bridge::new(tools, unwrapping, encoder).event(event),
            (None, Some(sealing)) => {
                Bridge::new(tools, unwrapping, Sealer::new(sealing, encoder)).event(event);
            }
            (Some(Keeping { capturing, answer, end, .. }), sealing) => {
                let mut last = Last { end, sink: encoder };
                match sealing {
                    Some(sealing) => {
                        let capture = Capture::new(capturing, Sealer::new(sealing, &mut last));
                        Bridge::new(tools, unwrapping, Unique::new(answer, capture)).event(event);
                    }
                    None => {
                        let capture = Capture::new(capturing, &mut last);
                        Bridge::new(tools, unwrapping, Unique::new(answer, capture)).event(event);
                    }
                }
            }
        }
    }
}

/// Holds the end of an answer back.
struct Last<'l, S> {
    end: &'l mut Option<Event<'static>>,
    sink: S,
}

impl<S: Sink> Sink for Last<'_, S> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::End { .. } => *self.end = Some(event.into_owned()),
            event => self.sink.event(event),
        }
    }
}
