//! The face of Sternway: pages, rendered on the server and hydrated in the browser.
