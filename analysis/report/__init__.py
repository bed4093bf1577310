"""Reports: self-contained HTML about one market, or about several side by side."""
