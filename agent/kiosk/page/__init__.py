"""The reference screen: what a customer sees. Plain HTML, CSS and JavaScript that use the local interface alone."""
