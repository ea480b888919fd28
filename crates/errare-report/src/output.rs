//! What is made of a figure: its drawing, and its files.

use std::path::{Path, PathBuf};

use crate::draw::{self, Setting};
use crate::{Figure, Result};

impl Figure {
    /// The figure as a standalone SVG document, its title included.
    ///
    /// # Errors
    /// [`crate::Error::FigureName`].
    pub fn svg(&self) -> Result<String> {
        self.check_name()?;
        Ok(draw::svg(self, Setting::Standalone))
    }

    /// Writes `NAME.svg` and `NAME.csv` into `directory` (made if absent), each atomically; returns their paths.
    ///
    /// # Errors
    /// [`crate::Error::FigureName`], or [`crate::Error::Core`] naming the file that could not be written.
    pub fn write(&self, directory: &Path) -> Result<[PathBuf; 2]> {
        let svg = self.svg()?;
        let paths = ["svg", "csv"].map(|extension| directory.join(format!("{}.{extension}", self.name())));
        errare_core::run_dir::write_atomic(&paths[0], svg.as_bytes())?;
        errare_core::run_dir::write_atomic(&paths[1], self.csv().as_bytes())?;
        Ok(paths)
    }
}
