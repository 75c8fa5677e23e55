"""From a head to pictures: camera, light, rays, shading, depth, temperature, sensors."""
