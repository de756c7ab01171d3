"""The relational store: one engine factory and the migrations over the tables each room declares."""
