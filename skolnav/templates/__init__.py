"""First packages for vendors, a folder for each kind. `skolnav.scaffold` copies one under the vendor's name."""
