"""Reports: HTML pages about runs, each one file without scripts, and the charts in them, as SVG."""
