"""The files of the demo's side panel."""
