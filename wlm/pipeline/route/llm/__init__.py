"""A language model beside the local router: asked, checked, and weighed, never obeyed."""
