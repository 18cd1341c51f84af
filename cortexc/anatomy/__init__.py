"""Anatomy in files: importers and exporters of the field's formats, and null models of what they hold."""
