//! What is known of the server: what it can do, and what of that was switched on.

use crate::imap::{
    capability::{Capabilities, Capability},
    encode::EncodeOptions,
};

/// The server at the other end.
#[derive(Debug, Default)]
pub(super) struct Peer {
    capabilities: Option<Capabilities>,
    /// What was switched on by ENABLE.
    enabled: Vec<Capability>,
    /// How it takes commands. Each command goes by this, so it isn't looked up each time.
    options: EncodeOptions,
}

impl Peer {
    /// What it said it can do, once it did.
    pub(super) fn capabilities(&self) -> Option<&Capabilities> {
        self.capabilities.as_ref()
    }

    /// It can do this, and nothing else.
    pub(super) fn learn(&mut self, capabilities: Capabilities) {
        self.capabilities = Some(capabilities);
        self.look_up();
    }

    /// It was asked what it can do. If it didn't say, that is nothing.
    pub(super) fn asked(&mut self) {
        self.capabilities.get_or_insert_default();
    }

    /// Takes what it said: it may say something else from here on.
    pub(super) fn take_capabilities(&mut self) -> Capabilities {
        let capabilities = self.capabilities.take().unwrap_or_default();
        self.look_up();
        capabilities
    }

    /// Whether it can do this.
    pub(super) fn has(&self, capability: &Capability) -> bool {
        self.capabilities.as_ref().is_some_and(|capabilities| capabilities.has(capability))
    }

    /// This was switched on.
    pub(super) fn enable(&mut self, extensions: &Capabilities) {
        self.enabled.extend(extensions.iter().cloned());
        self.look_up();
    }

    /// Whether this was switched on.
    pub(super) fn is_enabled(&self, extension: &Capability) -> bool {
        self.enabled.contains(extension)
    }

    /// What was switched on.
    pub(super) fn enabled(&self) -> &[Capability] {
        &self.enabled
    }

    /// Nothing that it said counts any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// How commands are written to it.
    pub(super) fn options(&self) -> EncodeOptions {
        self.options
    }

    fn look_up(&mut self) {
        let literals = self.capabilities.as_ref().map(Capabilities::literals).unwrap_or_default();
        let utf8 = self.is_enabled(&Capability::Utf8Accept) || self.is_enabled(&Capability::Imap4Rev2);
        self.options = EncodeOptions { literals, utf8 };
    }
}
