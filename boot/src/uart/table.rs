//! The table of UARTs: an enum of the kinds, and the way from each to its driver.

/// Makes an enum of the kinds, and the table that leads from each to its driver.
macro_rules! uarts {
    ($($(#[doc = $doc:literal])+ $module:ident::$uart:ident),+ $(,)?) => {
        /// A kind of UART.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $($(#[doc = $doc])+ $uart,)+
        }

        impl Kind {
            /// All kinds, in the order in which `compatible` strings are compared.
            pub const ALL: &[Self] = &[$(Self::$uart),+];

            /// Returns the `compatible` strings of this kind.
            #[must_use]
            pub const fn compatibles(self) -> &'static [&'static str] {
                match self {
                    $(Self::$uart => $module::$uart::COMPATIBLES,)+
                }
            }

            /// Returns the names of this kind after `earlycon=`.
            #[must_use]
            pub const fn earlycons(self) -> &'static [&'static str] {
                match self {
                    $(Self::$uart => $module::$uart::EARLYCONS,)+
                }
            }

            /// Returns the bytes from the first register to behind the last one that is used.
            #[must_use]
            pub const fn register_bytes(self) -> u64 {
                match self {
                    $(Self::$uart => $module::$uart::LEN,)+
                }
            }

            /// Returns what Linux calls its terminals, without the number.
            #[must_use]
            pub const fn tty(self) -> &'static str {
                match self {
                    $(Self::$uart => $module::$uart::TTY,)+
                }
            }

            /// Returns the layout of the registers where nothing but the name states one.
            #[must_use]
            pub fn layout(self, name: &str) -> Layout {
                match self {
                    $(Self::$uart => $module::$uart::layout(name),)+
                }
            }

            /// Opens the transmitter of a UART that starts closed.
            pub fn open(self, uart: &impl Hardware) {
                match self {
                    $(Self::$uart => $module::$uart::open(uart),)+
                }
            }

            /// Sends `text`.
            ///
            /// # Errors
            /// [`TimedOut`] when the UART took no byte for [`READY_TIME`]; the rest of the text is not sent.
            pub fn write(self, uart: &impl Hardware, layout: Layout, text: &[u8]) -> Result<(), TimedOut> {
                match self {
                    $(Self::$uart => $module::$uart::write(uart, layout, text),)+
                }
            }

            /// Waits until the last byte has left.
            ///
            /// # Errors
            /// [`TimedOut`] when that took longer than [`DRAIN_TIME`].
            pub fn flush(self, uart: &impl Hardware, layout: Layout) -> Result<(), TimedOut> {
                let is_idle = match self {
                    $(Self::$uart => $module::$uart::is_idle(layout),)+
                };
                is_idle.wait(uart, DRAIN_TIME)
            }

            #[cfg(test)]
            fn model(self, fake: &fake::Fake, access: fake::Access) -> u32 {
                match self {
                    $(Self::$uart => $module::$uart::model(fake, access),)+
                }
            }
        }
    };
}
pub(super) use uarts;
