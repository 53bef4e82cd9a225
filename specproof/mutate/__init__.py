"""Mutation coverage of the claims: does any claim notice when one operation of an action is wrong?"""
