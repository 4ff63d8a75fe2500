"""The layers of the FOV on screen, and where the viewer looks.

`keeper` puts a `shown_fov` on screen: as `image_layers` of `lazy_image`, `table_layers` and
`marks`, all in one `layer_stack`. `viewpoint` is frame, slice and camera, `keys` lends the viewer
those of the panel in front.
"""
