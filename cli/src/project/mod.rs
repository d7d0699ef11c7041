//! What a project says about its boards, in files and on the command line: configuration, policies,
//! baselines.

pub mod adjust;
pub mod baseline;
pub mod boot_map;
pub mod config;
pub mod date;
pub mod firmware;
pub mod in_source;
pub mod job;
pub mod kernel;
pub mod kernel_config;
pub mod policy_file;
pub mod rule;
