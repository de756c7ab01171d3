"""RADIUS: what FreeRADIUS asks and tells us on behalf of a site's access points, and what we ask of them."""
