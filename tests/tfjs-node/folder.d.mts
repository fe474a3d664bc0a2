export declare const tfjsNodeFolder: string
export declare const tfjsNodeReady: string
export declare function isTfjsNodeReady(): boolean
