import { open, type Connection } from 'sidelite'
export const opened: Promise<Connection> = open(':memory:')
