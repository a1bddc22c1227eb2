"""Of the double of Globus: who asks (Auth), where files lie (Transfer), what is known of them (Search); its ground."""
