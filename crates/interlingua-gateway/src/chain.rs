//! What an answer passes through on its way from the decoder to the client.

use interlingua_ir::{Event, Fault, Sink};
use interlingua_reasoning::{Sealer, Sealing};
use interlingua_translate::tools::{Bridge, ToolMap, Unwrapping};
use interlingua_translate::{Encode as _, responses};

use crate::record::Meter;

/// The sinks of one answer: tools are restored, thoughts are sealed, tokens are counted, and what is
/// left is written for the client.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) tools: ToolMap,
    unwrapping: Unwrapping,
    pub(crate) sealing: Option<Sealing>,
    pub(crate) meter: Meter,
    pub(crate) encoder: responses::Encoder,
}

impl Chain {
    pub(crate) fn new(encoder: responses::Encoder, meter: Meter) -> Self {
        Self {
            tools: ToolMap::default(),
            unwrapping: Unwrapping::default(),
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
}

impl Sink for Chain {
    fn event(&mut self, event: Event<'_>) {
        self.meter.event(&event);
        let Self { tools, unwrapping, sealing, encoder, .. } = self;
        match sealing {
            Some(sealing) => {
                Bridge::new(tools, unwrapping, Sealer::new(sealing, encoder)).event(event);
            }
            None => Bridge::new(tools, unwrapping, encoder).event(event),
        }
    }
}
