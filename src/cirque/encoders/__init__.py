"""Image and text towers, and what they make of images and texts."""
