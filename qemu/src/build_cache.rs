//! What many boots take and none changes: each thing is made once, when it is first asked for.

use anyhow::Result;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A thing that is made at most once.
#[derive(Debug)]
pub(crate) struct Once<T>(Mutex<Option<T>>);

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Once<T> {
    /// Returns the thing, made with `make` by the first who asks; others wait meanwhile.
    ///
    /// # Errors
    /// That of `make`; the next one to ask tries again.
    pub(crate) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut slot = lock(&self.0);
        match &*slot {
            Some(made) => Ok(made.clone()),
            None => Ok(slot.insert(make()?).clone()),
        }
    }
}

/// Files, by the name that says what they are made of.
#[derive(Debug, Default)]
pub(crate) struct Files(Mutex<HashMap<String, Arc<Once<PathBuf>>>>);

impl Files {
    /// Returns the file of this name, made with `make` by the first who asks; others wait meanwhile.
    ///
    /// # Errors
    /// That of `make`; the next one to ask tries again.
    pub(crate) fn get(&self, name: &str, make: impl FnOnce() -> Result<PathBuf>) -> Result<PathBuf> {
        let slot = Arc::clone(lock(&self.0).entry(name.to_owned()).or_default());
        slot.get(make)
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
        let files = Files::default();
        assert!(files.get("a", || bail!("no")).is_err());
        assert_eq!(files.get("a", || Ok("one".into())).unwrap(), PathBuf::from("one"));
        assert_eq!(files.get("a", || bail!("again")).unwrap(), PathBuf::from("one"));
        assert_eq!(files.get("b", || Ok("two".into())).unwrap(), PathBuf::from("two"));
    }
}
