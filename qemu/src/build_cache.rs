//! Files that many boots take and none changes: each is made once.

use anyhow::Result;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What has been made, by the name that says what it is made of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<HashMap<String, Slot>>>);

type Slot = Arc<Mutex<Option<PathBuf>>>;

impl Shared {
    /// Returns the file of this name, made with `make` when nobody has done so yet. Who comes meanwhile waits.
    ///
    /// # Errors
    /// That of `make`; the next one to come tries again.
    pub(crate) fn once(&self, name: &str, make: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
        let slot = Arc::clone(lock(&self.0).entry(name.to_owned()).or_default());
        let mut slot = lock(&slot);
        match &*slot {
            Some(path) => Ok(path.clone()),
            None => Ok(slot.insert(make()?).clone()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn what_was_made_is_not_made_again_and_what_failed_is() {
        let shared = Shared::default();
        assert!(shared.once("a", || bail!("no")).is_err());
        assert_eq!(shared.once("a", || Ok("one".into())).unwrap(), PathBuf::from("one"));
        assert_eq!(shared.clone().once("a", || bail!("again")).unwrap(), PathBuf::from("one"));
        assert_eq!(shared.once("b", || Ok("two".into())).unwrap(), PathBuf::from("two"));
    }
}
