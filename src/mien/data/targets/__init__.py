"""From what people and meshes said of a face to training targets."""
