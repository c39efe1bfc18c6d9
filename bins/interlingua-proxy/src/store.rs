//! The store that the configuration describes.

use interlingua_registry::{Snapshot, StoreBounds, StorePlace};
use interlingua_store::{Address, Bounds, Place, Settings};

pub(crate) fn settings(snapshot: &Snapshot) -> Settings {
    let store = snapshot.store();
    let bounds = |it: StoreBounds| Bounds { bytes: it.bytes, age: it.age, entries: it.entries };
    let place = match &store.place {
        StorePlace::Redis(url) => Place::Redis(Address::new(url.expose(), &url.to_string())),
        StorePlace::Memory => Place::Memory,
        // What is not known here is kept as by default.
        _ => Place::Sqlite,
    };
    Settings {
        place,
        thoughts: bounds(store.reasoning),
        responses: bounds(store.responses),
        ..Settings::default()
    }
}
