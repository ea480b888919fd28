//! Pipelines: the steps that lead from people's trials, or from a trained network, to a report.
//!
//! Each step is a function of the results before it; the commands only parse, call and print.

mod check;
mod comparison;
mod demo;
mod error;
pub mod figures;
mod geometry;
mod measurements;
mod network;
mod page;
mod recovery;
mod surrogate;
mod table;
mod training;
mod verdict;

pub use check::{FAILED, check_figures, check_report, count_checks, shared_fits};
pub use comparison::{comparison_figures, comparison_report};
pub use demo::{DEMO, DemoOptions, DemoSummary, check_demo, demo, demo_data};
pub use error::{Error, Result};
pub use geometry::NoAlignment;
pub use measurements::{CRITERIA, write_measurements};
pub use network::{AnalysisSize, NetworkAnalysis, ResponseSets, analyse_network};
pub use page::{behaviour_section, network_figures, network_report, network_sections};
pub use recovery::{Recovery, recovery_page};
pub use surrogate::{
    FixedLabels, SourceCounts, SurrogateFit, answer_fresh_displays, answer_own_displays, answering_fits,
};
pub use table::responses_as_parquet;
pub use training::{RUN, claim_again, claim_run, resume, train_into};
pub use verdict::{JudgedOn, Verdict};
