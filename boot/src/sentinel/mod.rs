//! What the stage prepares for the sentinel, without the machine: its stage-2 map.

pub mod stage2;
