"""The generator of CSS (Colour, Shape, Size): scenes, what is asked of them, and their pictures in 2D and 3D."""
