"""The panel Export: what is left to settle, what is left out, and the files.

`panel` joins the `checklist`, what is `asked` for and the `files`; `jobs` plan and export in a
thread.
"""
